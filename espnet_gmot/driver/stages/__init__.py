"""What the stages of asr.sh do; each gets the options and what starts its commands."""
