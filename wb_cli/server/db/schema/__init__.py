"""The migrations: numbered SQL files for `main` and for a project's database.

They go forward only, and a migration only adds. So a server of the release before can work on the
result, and an upgrade can be taken back.
"""
