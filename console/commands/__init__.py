"""The subcommands of `vaxline`, one module each."""
