"""The candle store: checked Parquet files with their manifest inside."""
