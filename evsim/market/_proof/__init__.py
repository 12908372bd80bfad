"""The proof of a dispatch: what it rests on, how it is written down, and how anybody verifies it."""

from evsim.market._proof.evidence import Evidence, Orders
from evsim.market._proof.verify import Verdict, proofs_in, verify_proof
from evsim.market._proof.write import Proof, write_proof

__all__ = ["Evidence", "Orders", "write_proof", "Proof", "verify_proof", "Verdict", "proofs_in"]
