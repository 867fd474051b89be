"""speechocean762, English read by native speakers of Mandarin, as Kaldi data directories."""
