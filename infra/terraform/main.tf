# Deploys infra/template.yaml as a CloudFormation stack. docs/deploy.md describes how to build and package the template.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

# The template is too large for a request: CloudFormation reads it from S3.
resource "aws_s3_object" "template" {
  bucket = var.bucket
  key    = "${var.name}/template-${filemd5(var.packaged_template)}.yaml"
  source = var.packaged_template
}

resource "aws_cloudformation_stack" "tidings" {
  name         = var.name
  template_url = "https://${aws_s3_object.template.bucket}.s3.amazonaws.com/${aws_s3_object.template.key}"
  parameters   = var.parameters
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  # CloudFormation rejects updates that would replace or delete a table.
  policy_body = file("${path.module}/../stack-policy.json")
  tags        = var.tags
}
