"""Remove what wb left behind and nobody needs: never data, never what is not wb's."""
