"""ESPnet3's parts of a recipe: data out of Kaldi directories, stages that resume, greedy decoding."""
