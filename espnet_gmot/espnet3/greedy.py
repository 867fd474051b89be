"""Best-path CTC decoding as a model of ESPnet3's inference."""

from collections.abc import Sequence

import torch
from espnet2.text.build_tokenizer import build_tokenizer

from espnet_gmot.decoding.best_path import BestPath
from espnet_gmot.decoding.decoder import BATCH_SIZE, BestPathDecoder
from espnet_gmot.trained.load import load_trained_model

# Text, tokens, their ids, natural logarithm of its probability
Hypothesis = tuple[str, list[str], list[int], float]


class GreedySpeech2Text:
    """What ESPnet3's inference takes in place of ``espnet2.bin.asr_inference.Speech2Text``.

    ``batch_size`` of the inference YAML says how many utterances come in a call. They are sorted by length
    and decoded in batches, each as if it were alone.

    Args:
        asr_train_config: ``config.yaml`` of the training.
        asr_model_file: the parameters.
        batch_size: most utterances in a batch.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: a file is missing or damaged, or the two are not of one training.
    """

    def __init__(
        self, asr_train_config: str, asr_model_file: str, batch_size: int = BATCH_SIZE, device: str = "cpu"
    ):
        model, args = load_trained_model(asr_train_config, asr_model_file, device)
        self._decoder = BestPathDecoder(model, batch_size)
        self._tokens = model.token_list
        self._tokenizer = build_tokenizer(token_type=args.token_type, bpemodel=args.bpemodel)

    def __call__(
        self, speech: Sequence[float] | list[Sequence[float]]
    ) -> list[Hypothesis] | list[list[Hypothesis]]:
        """Decode one waveform (samples,), or a list of them.

        Returns:
            A list with the best hypothesis, or such a list for each waveform.
        """
        waveforms = speech if isinstance(speech, list) else [speech]
        named = ((str(number), torch.as_tensor(each)) for number, each in enumerate(waveforms))
        found = {key: path for batch in self._decoder.decode(named) for key, path in batch.items()}
        results = [[self._hypothesis(found[str(number)])] for number in range(len(waveforms))]
        return results if isinstance(speech, list) else results[0]

    def _hypothesis(self, path: BestPath) -> Hypothesis:
        tokens = [self._tokens[index] for index in path.ids]
        return self._tokenizer.tokens2text(tokens), tokens, path.ids, path.score
