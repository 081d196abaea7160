"""BiLSTM-CRF with a character CNN: which words of a text name a data set?

The tagger reads one window of a text, a list of tokens, and gives each token a tag: ``O`` outside,
``B-DAT`` first token of a mention, ``I-DAT`` a further one. In the order of the method:

1. Each token gets a vector of its spelling, the largest answers of small filters along its
   characters (Ma and Hovy, ACL 2016), beside a vector of its own if training saw the word twice.
2. A bidirectional LSTM reads the window; a linear layer scores every tag at every token.
3. A linear chain (Lafferty et al., ICML 2001) weighs tags against their neighbours, so that the
   tags are decided together (Lample et al., NAACL 2016); see :mod:`vidlab.nn.crf`.
4. Where a window's other mentions may be unlabelled, they are left open: :func:`partial_labels`.
5. Names are scrambled in training, so that unseen names can be found: :func:`perturb`.

Readings, where sources leave a choice:

- Words are looked up in lower case: what capitals say is the business of the characters.
- Characters beyond the 18th of a token are dropped; the answers of the filters count only where
  they are centred on a real character, so the width of the table does not matter.
- The LSTM reads packed sequences. Masks alone would not do: its backward half would begin in the
  padding, and a window's tags would depend on the company it has in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from vidlab.iob2 import BEGIN, INSIDE, OUTSIDE, TAGS
from vidlab.nn import crf
from vidlab.papers.mention_batches import TagBatch, Vocabulary, collate, encode


@dataclass(frozen=True)
class TaggerConfig:
    """Sizes of the network; the defaults are those of the course (about 135k parameters).

    Attributes:
        word_size: numbers per word, 0: the tagger reads spelling alone.
        char_size: numbers per character, >= 1.
        widths: characters that a filter sees, odd.
        filters: filters of each width, >= 1.
        hidden: units of the LSTM in each direction, >= 1.
        dropout: share of the inputs and outputs of the LSTM that training hides, 0 <= p < 1.
    """

    word_size: int = 32
    char_size: int = 16
    widths: tuple[int, ...] = (3, 5)
    filters: int = 24
    hidden: int = 64
    dropout: float = 0.4

    def __post_init__(self):
        for name, low in (("word_size", 0), ("char_size", 1), ("filters", 1), ("hidden", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                raise ValueError(f"{name} is {value}; allowed: whole numbers from {low} on")
        if not self.widths or any(w < 1 or w % 2 == 0 for w in self.widths):
            raise ValueError(f"widths is {self.widths}; allowed: odd numbers, at least one")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; allowed: 0 .. 1, 1 excluded")


class CharacterCNN(nn.Module):
    """Spelling as a vector: ``chars (M, 18)`` to ``(M, filters * len(widths))``."""

    def __init__(self, characters: int, config: TaggerConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(characters, config.char_size, padding_idx=0)
        self.filters = nn.ModuleList(
            nn.Conv1d(config.char_size, config.filters, width, padding=width // 2)
            for width in config.widths
        )

    def forward(self, chars: Tensor) -> Tensor:
        """For each token and filter the largest answer over its characters, at least 0."""
        letters = self.table(chars).transpose(1, 2)
        real = (chars > 0)[:, None, :]
        return torch.cat([(conv(letters).relu() * real).amax(2) for conv in self.filters], dim=1)


class MentionTagger(nn.Module):
    """The network and its chain.

    Args:
        vocabulary: the words and characters it can tell apart.
        config: sizes.
    """

    def __init__(self, vocabulary: Vocabulary, config: TaggerConfig | None = None) -> None:
        super().__init__()
        config = config or TaggerConfig()
        self.words = None
        if config.word_size:
            self.words = nn.Embedding(vocabulary.word_count, config.word_size, padding_idx=0)
        self.characters = CharacterCNN(vocabulary.character_count, config)
        size = config.word_size + config.filters * len(config.widths)
        self.lstm = nn.LSTM(size, config.hidden, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * config.hidden, len(TAGS))
        moves, starts = iob2_rules()
        self.crf = crf.CRF(len(TAGS), forbidden_moves=moves, forbidden_starts=starts)

    def spelling(self, chars: Tensor) -> Tensor:
        """Character features ``(M, 48)`` of tokens ``chars (M, 18)``."""
        return self.characters(chars)

    def forward(self, batch: TagBatch) -> Tensor:
        """Emissions ``(B, L, 3)``: the score of each tag at each token, before the chain."""
        # Everything but the LSTM works on the tokens alone: half of a batch is padding.
        features = self.spelling(batch.chars[batch.mask])
        if self.words is not None:
            features = torch.cat((self.words(batch.words[batch.mask]), features), dim=1)
        padded = features.new_zeros(*batch.mask.shape, features.shape[1])
        padded[batch.mask] = self.dropout(features)
        packed = pack_padded_sequence(
            padded, batch.lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.lstm(packed)
        scores = states._replace(data=self.output(self.dropout(states.data)))
        return pad_packed_sequence(scores, batch_first=True, total_length=batch.mask.shape[1])[0]


@dataclass(frozen=True)
class Tagged:
    """What the tagger makes of one window of n tokens.

    Attributes:
        tags: n tags, the best path.
        emissions: ``(n, 3)`` scores before the chain.
        marginals: ``(n, 3)`` probability of each tag at each token.
    """

    tags: tuple[int, ...]
    emissions: Tensor
    marginals: Tensor


def full_loss(model: MentionTagger, batch: TagBatch) -> dict[str, Tensor]:
    """Negative log-likelihood of the batch's tags, averaged over windows."""
    return {"loss": model.crf(model(batch), batch.lengths, batch.tags).mean()}


def partial_loss(model: MentionTagger, batch: TagBatch) -> dict[str, Tensor]:
    """``log Z - log Σ_{y allowed} exp s``, averaged; ``batch.allowed`` says what is left open."""
    if batch.allowed is None:
        raise ValueError("the batch has no partial labels; encode it with allowed=")
    losses = crf.partial_likelihood_loss(
        model(batch), batch.lengths, model.crf.chain(), batch.allowed
    )
    return {"loss": losses.mean()}


@torch.no_grad()
def tag(
    model: MentionTagger,
    vocabulary: Vocabulary,
    sentences: Sequence[Sequence[str]],
    *,
    batch_size: int = 256,
) -> list[Tagged]:
    """Tag windows of tokens; the model is left in evaluation mode. Results are on the CPU."""
    model.eval()
    device = model.output.weight.device
    encoded = encode(sentences, vocabulary)
    # Windows of like length share a batch: less padding, the same answers.
    order = sorted(range(len(encoded)), key=lambda n: len(encoded[n].words))
    found: list[Tagged | None] = [None] * len(encoded)
    chain = model.crf.chain()
    for start in range(0, len(order), batch_size):
        picks = order[start : start + batch_size]
        batch = collate([encoded[n] for n in picks]).to(device)
        emissions = model(batch)
        paths, _ = crf.viterbi(emissions, batch.lengths, chain)
        probability = crf.marginals(emissions, batch.lengths, chain).cpu()
        emissions, paths = emissions.cpu(), paths.tolist()
        for row, n in enumerate(picks):
            size = len(encoded[n].words)
            found[n] = Tagged(
                tuple(paths[row][:size]), emissions[row, :size], probability[row, :size]
            )
    return found


def iob2_rules() -> tuple[Tensor, Tensor]:
    """Forbidden moves ``(3, 3)`` (O to I) and starts ``(3,)`` (I) of IOB2 with one kind of span."""
    moves = torch.zeros(len(TAGS), len(TAGS), dtype=torch.bool)
    moves[OUTSIDE, INSIDE] = True
    starts = torch.zeros(len(TAGS), dtype=torch.bool)
    starts[INSIDE] = True
    return moves, starts


def partial_labels(tags: Sequence[int], free: Sequence[bool]) -> Tensor:
    """Which tags ``(n, 3)`` are allowed where only one mention of a window was labelled.

    The labelled span is kept as it is, so what follows it may not continue it. Other tokens that
    look like a name (``free``) may be anything; the rest is O.

    >>> partial_labels([0, 1, 0, 0], [True, True, True, False]).int().tolist()
    [[1, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0]]
    """
    if len(tags) != len(free):
        raise ValueError(f"there are {len(tags)} tags and {len(free)} marks of free tokens")
    known = torch.tensor(tags, dtype=torch.int64)
    allowed = F.one_hot(known, len(TAGS)).bool()
    opened = torch.tensor(free, dtype=torch.bool) & (known == OUTSIDE)
    allowed[opened] = True
    after = torch.cat((torch.zeros(1, dtype=torch.bool), known[:-1] != OUTSIDE))
    allowed[after & (known == OUTSIDE), INSIDE] = False
    return allowed


def perturb(
    tokens: Sequence[str],
    tags: Sequence[int],
    generator: torch.Generator,
    probability: float = 0.5,
) -> tuple[str, ...]:
    """The window with each mention, with this probability, spelt anew (``FB15k`` as ``QX83d``).

    Every ASCII letter or digit of a mention becomes a random one of its kind (capital, small
    letter, digit), everything else stays: the shape of a name and its company are all that is left
    to learn from. Draws as many random numbers whatever was decided, so windows do not depend on
    one another's luck.
    """
    spelt = list(tokens)
    chosen = False
    for t, (token, mark) in enumerate(zip(tokens, tags, strict=True)):
        if mark == BEGIN:
            chosen = bool(torch.rand((), generator=generator) < probability)
        if mark != OUTSIDE:
            draws = torch.randint(130, (len(token),), generator=generator).tolist()
            if chosen:
                spelt[t] = "".join(map(_same_kind, token, draws))
    return tuple(spelt)


def _same_kind(character: str, draw: int) -> str:
    """A random character of the same kind; 130 is a multiple of both 26 and 10."""
    for first, last, count in (("A", "Z", 26), ("a", "z", 26), ("0", "9", 10)):
        if first <= character <= last:
            return chr(ord(first) + draw % count)
    return character
