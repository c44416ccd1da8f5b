"""The pages of the web console, one module each; `console.web.site` says which address leads to which."""
