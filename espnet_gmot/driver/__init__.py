"""What the stages of asr.sh do, and what they are made of: options, names, records, commands, jobs."""
