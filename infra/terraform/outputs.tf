output "api_url" {
  description = "Base URL of the API and the web UI."
  value       = aws_cloudformation_stack.tidings.outputs["ApiUrl"]
}

output "outputs" {
  description = "All outputs of the stack, such as the names of tables and the URLs of queues."
  value       = aws_cloudformation_stack.tidings.outputs
}
