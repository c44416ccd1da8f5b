"""The `vaxline` command and the web console for operators.

`commands/` has one module per command or group of commands, `web/` the pages of the web console. The modules beside
them are shared by both, except `main`, `demo` and `documentation`, which are programs.
"""
