"""The migrations: numbered SQL files for `main` and for a project's database.

Forward only, and each only adds: a server of the release before must be able to work on the result,
so that an upgrade can be taken back.
"""
