"""The app: all that is ours. docs/architecture.md describes its rooms."""

# The version under work, the only copy. The newest released heading of CHANGELOG.md is the last release.
VERSION = "0.2.0.dev0"
