// WebSocket masking.
