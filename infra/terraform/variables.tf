variable "name" {
  description = "Name of the stack. Tables, logs and alarms have it as their prefix, and it cannot be changed."
  type        = string
  default     = "tidings"
}

variable "bucket" {
  description = "Name of the bucket for the template: the one that `sam package` uploaded the functions to."
  type        = string
}

variable "packaged_template" {
  description = "Path of the file that `sam package` wrote."
  type        = string
}

variable "parameters" {
  description = "Parameters of the template: docs/configuration.md lists them. CloudFormation rejects unknown names."
  type        = map(string)

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.parameters["ManageKeySha256"]))
    error_message = "parameters needs ManageKeySha256, the 64 lower-case hex digits that `tidings token` prints."
  }
}

variable "tags" {
  description = "Tags of the stack and its resources."
  type        = map(string)
  default     = { application = "tidings" }
}
