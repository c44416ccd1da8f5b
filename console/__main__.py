"""`python -m console` is `vaxline`."""

from console.main import main

main()
