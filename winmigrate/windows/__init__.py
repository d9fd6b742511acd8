"""What we ask of Windows and tell it, one module a subject: rows beside the pipelines that fill them, and the acts."""
