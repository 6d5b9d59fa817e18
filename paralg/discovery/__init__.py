"""Part VIII, parallel discovery."""
