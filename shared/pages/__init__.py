"""What is shown outside the terminal: self-contained pages and files, made of the values that use cases return."""
