"""The ablation platform: one YAML in, Ray trains, MLflow records, a table comes out."""
