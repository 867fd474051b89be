"""Three transcripts and their token list."""

TRANSCRIPTS = ["今天很好", "我们去公园", "天气好"]
TOKENS = ["<blank>", "<unk>", *"今天气很好我们去公园", "<sos/eos>"]
