"""What everybody's plug-ins are held to: mix-ins for tests."""
