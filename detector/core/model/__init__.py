"""What a client is usually like: its rhythm, its segment, the trends of its signals, its replies."""
