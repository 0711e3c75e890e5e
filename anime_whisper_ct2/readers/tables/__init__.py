"""Tables of recordings, which only pyarrow can read: Parquet, Arrow, and what Hugging Face `datasets` saved."""
