"""The paths of the native API, a file a subject."""
