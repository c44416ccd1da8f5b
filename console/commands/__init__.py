"""The commands of `vaxline`. Each module registers one command, or a group of related ones."""
