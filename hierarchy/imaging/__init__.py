"""Pictures from untrusted bytes: decoded within limits in child processes, and made anew in two sizes."""
