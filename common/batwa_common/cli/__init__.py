"""The command `batwa`. Modules are imported when their command is used, so that help is quick."""
