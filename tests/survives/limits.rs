//! Limits on threads and processes, and others who want what we want.
