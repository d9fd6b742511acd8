"""What runs the pipelines of lab hosts: binding, object cmdlets, CLIXML, as PowerShell does them."""
