"""The product: what the functions, the console and the local run share. `domain` knows neither AWS nor SOAP."""
