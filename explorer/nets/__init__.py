"""Plain networks: nn.Modules that know nothing of files, scenes or windows."""
