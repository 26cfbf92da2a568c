from hypothesis import given
from hypothesis import strategies as st

from domain.tlog.tree import Frontier, leaf_hash, node_hash, root_of

# The eight leaves, and the root after each, that certificate-transparency's own tests use.
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]

many_leaves = st.lists(st.binary(min_size=32, max_size=32), max_size=70)


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: split at the largest power of two below the size."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else Frontier().root()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_published_roots_come_out_leaf_by_leaf() -> None:
    frontier = Frontier()
    for size, (leaf, root) in enumerate(zip(HASHES, ROOTS, strict=True), start=1):
        frontier = frontier.append(leaf)
        assert (frontier.size, frontier.root().hex()) == (size, root)
        assert root_of(HASHES[:size]).hex() == root


@given(many_leaves)
def test_the_root_is_the_one_that_the_rfc_defines(leaves: list[bytes]) -> None:
    assert root_of(leaves) == tree_hash(leaves)


@given(many_leaves, many_leaves)
def test_leaves_may_come_one_by_one_or_in_bulk(first: list[bytes], then: list[bytes]) -> None:
    one_by_one = Frontier()
    for leaf in first + then:
        one_by_one = one_by_one.append(leaf)
    assert Frontier().extend(first).extend(then) == one_by_one
    assert len(one_by_one.roots) == one_by_one.size.bit_count()


def test_bulk_beyond_what_is_held_at_a_time_gives_the_same_root() -> None:
    leaves = [leaf_hash(index.to_bytes(4)) for index in range(131_075)]
    frontier = Frontier().extend(leaves[:5]).extend(iter(leaves[5:]))
    assert frontier.size == len(leaves)
    assert frontier.root() == tree_hash(leaves)
