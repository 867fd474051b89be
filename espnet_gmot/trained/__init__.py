"""What is done with a trained model: load, export, measure, draw."""
