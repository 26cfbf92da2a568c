import os
import unicodedata
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import assume, given
from hypothesis import strategies as st

from application import sealing
from application.sealing import Binding, Unsealable, field_key, open_disclosed, open_token, seal

KEY = bytes(range(32))
SALT = bytes(range(16))
PLACE = Binding("p-wang", "communities/610112002001", 3, "/data/person/name")

FIELD_KEY = "ef9882457ab039d0d063e0d6b6f55a44a369c48e652c0241431e8db7a675273d"
TOKEN = (
    "sealed1.AAECAwQFBgcICQoLDA0OD_3rOJB_9y1ktFDqeTfA4_URCQTrfA61IFYKf1ARUi-cwlGIr2JhWbeWhKR-975jFJBMf739"
    "MVN3BeibIwYyOmQn3OySHWRUrahmT_4YGaml"
)

keys = st.binary(min_size=32, max_size=32)
salts = st.binary(min_size=16, max_size=16)
names = st.text(st.characters(exclude_categories=["Cs"])).map(lambda name: unicodedata.normalize("NFC", name))
codes = st.from_regex(r"[a-z0-9-]{3,32}", fullmatch=True)
places = st.builds(
    Binding,
    person=codes,
    record=codes.map("communities/".__add__),
    version=st.integers(min_value=1, max_value=2**63 - 1),
    field=st.sampled_from(["/recorded_by/name", "/data/person/name", "/data/panel/0/name"]),
)


@given(keys, places, names, salts)
def test_what_was_sealed_opens_at_its_place(key: bytes, place: Binding, name: str, salt: bytes) -> None:
    assert open_token(key, place, seal(key, place, name, salt)) == name


@given(keys, places, places, names, salts)
def test_a_token_opens_at_no_other_place(key: bytes, place: Binding, other: Binding, name: str, salt: bytes) -> None:
    assume(place != other)
    token = seal(key, place, name, salt)
    moved = [
        place._replace(**{part: value}) for part, value in other._asdict().items() if getattr(place, part) != value
    ]
    for elsewhere in [other, *moved]:
        with pytest.raises(Unsealable):
            open_token(key, elsewhere, token)


def test_texts_that_run_into_each_other_are_other_places() -> None:
    token = seal(KEY, Binding("ab", "c", 1, "d"), "王芳", SALT)
    for place in (Binding("a", "bc", 1, "d"), Binding("ab", "c1", 1, "d"), Binding("ab", "c", 1, "d\0")):
        with pytest.raises(Unsealable):
            open_token(KEY, place, token)


@given(keys, keys, names, salts)
def test_another_persons_key_is_refused(key: bytes, other: bytes, name: str, salt: bytes) -> None:
    assume(key != other)
    with pytest.raises(Unsealable):
        open_token(other, PLACE, seal(key, PLACE, name, salt))


def test_the_commitment_refuses_before_anything_is_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    token = seal(KEY, PLACE, "王芳", SALT)
    monkeypatch.delattr(sealing, "AESGCM")
    with pytest.raises(Unsealable):
        open_token(bytes(32), PLACE, token)


def test_a_ciphertext_that_two_keys_open_makes_no_token_that_two_keys_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """AES-GCM lets one ciphertext be made for two keys (the invisible salamander); the commitment doesn't."""
    ours, theirs = field_key(KEY, PLACE), field_key(bytes(32), PLACE)
    (ours_key, ours_commitment), (theirs_key, theirs_commitment) = (
        sealing._derive(key, SALT) for key in (ours, theirs)
    )
    salamander = opened_by_both(ours_key, theirs_key, sealing._place(PLACE))
    for key in (ours_key, theirs_key):
        AESGCM(key).decrypt(bytes(12), salamander, sealing._place(PLACE))
    monkeypatch.setattr(sealing, "_unpad", bytes.hex)  # nothing but the commitment is left to refuse it
    for commitment, own, stranger in ((ours_commitment, ours, theirs), (theirs_commitment, theirs, ours)):
        token = sealing.TOKEN_PREFIX + sealing._encode(SALT + commitment + salamander)
        assert open_disclosed(own, PLACE, token)
        with pytest.raises(Unsealable):
            open_disclosed(stranger, PLACE, token)


def opened_by_both(key: bytes, other: bytes, associated: bytes) -> bytes:
    """Two blocks and a tag that AES-GCM takes under both keys: the second block is solved for in GF(2^128)."""
    first = bytes(16)
    # The tag is linear in the second block, by the square of GHASH's key: ask for the two tags' difference to vanish.
    coefficients, rest = [], 0
    for each in (key, other):
        hash_key = int.from_bytes(block_cipher(each, bytes(16)))
        coefficients.append(multiply(hash_key, hash_key))
        rest ^= int.from_bytes(tag(each, first + bytes(16), associated))
    second = multiply(rest, inverse(coefficients[0] ^ coefficients[1])).to_bytes(16)
    ours, theirs = (tag(each, first + second, associated) for each in (key, other))
    assert ours == theirs
    return first + second + ours


def tag(key: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """The tag of a ciphertext, found by encrypting what it decrypts to."""
    stream = AESGCM(key).encrypt(bytes(12), bytes(len(ciphertext)), None)[: len(ciphertext)]
    plaintext = bytes(left ^ right for left, right in zip(stream, ciphertext, strict=True))
    return AESGCM(key).encrypt(bytes(12), plaintext, associated)[-16:]


def block_cipher(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305  # one block, to make GHASH's key


def multiply(left: int, right: int) -> int:
    """In GCM's field: the first bit is the constant term (NIST SP 800-38D section 6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (0xE1 << 120 if right & 1 else 0)
    return product


def inverse(element: int) -> int:
    result = 1 << 127
    for _ in range(127):
        element = multiply(element, element)
        result = multiply(result, element)
    return result


@given(st.sampled_from(range(len(seal(KEY, PLACE, "王芳", SALT)))), st.characters(max_codepoint=127))
def test_an_altered_token_is_refused(position: int, sign: str) -> None:
    token = seal(KEY, PLACE, "王芳", SALT)
    altered = token[:position] + sign + token[position + 1 :]
    assume(altered != token)
    with pytest.raises(Unsealable):
        open_token(KEY, PLACE, altered)


@pytest.mark.parametrize("token", ["", "sealed1.", "王芳", "sealed1.王芳", "sealed1." + "A" * 64, "sealed2.AAAA"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Unsealable):
        open_token(KEY, PLACE, token)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_a_token_cut_short_is_refused_even_under_its_own_commitment(length: int) -> None:
    key, commitment = sealing._derive(field_key(KEY, PLACE), SALT)
    for ciphertext in (bytes(length), AESGCM(key).encrypt(bytes(12), b"\0" * length, sealing._place(PLACE))):
        with pytest.raises(Unsealable):
            open_token(KEY, PLACE, sealing.TOKEN_PREFIX + sealing._encode(SALT + commitment + ciphertext))


@given(names.filter(lambda name: len(name.encode()) <= 30))
def test_names_of_usual_length_all_look_alike(name: str) -> None:
    assert len(seal(KEY, PLACE, name, SALT)) == len(seal(KEY, PLACE, "", SALT))


def test_longer_names_tell_their_length_in_blocks_alone() -> None:
    lengths = [len(seal(KEY, PLACE, "x" * size, SALT)) for size in range(200)]
    assert [size for size, (one, more) in enumerate(pairwise(lengths), start=1) if one != more] == [
        31 + 32 * block for block in range(6)
    ]


def test_the_longest_name_opens_and_a_longer_one_is_refused() -> None:
    name = "x" * sealing.NAME_LIMIT
    assert open_token(KEY, PLACE, seal(KEY, PLACE, name, SALT)) == name
    with pytest.raises(ValueError, match="65535"):
        seal(KEY, PLACE, name + "x", SALT)


def test_a_refused_name_is_not_in_the_message() -> None:
    with pytest.raises(ValueError, match="Unicode") as refusal:
        seal(KEY, PLACE, "王芳\ud800", SALT)
    assert "王" not in str(refusal.value)
    assert refusal.value.__suppress_context__


@given(places, places, names, salts)
def test_a_field_key_opens_its_field_alone(place: Binding, other: Binding, name: str, salt: bytes) -> None:
    assume(place != other)
    disclosed = field_key(KEY, place)
    assert open_disclosed(disclosed, place, seal(KEY, place, name, salt)) == name
    with pytest.raises(Unsealable):
        open_disclosed(disclosed, other, seal(KEY, other, name, salt))


def test_the_same_name_twice_gives_tokens_that_do_not_tell() -> None:
    one, other = (seal(KEY, PLACE, "王芳", os.urandom(16)) for _ in range(2))
    assert one != other


def test_a_salt_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        seal(KEY, PLACE, "王芳", b"")


def test_the_format_is_for_good() -> None:
    """Made with hmac and AES-GCM alone, from the description: stored tokens open for ever."""
    assert seal(KEY, PLACE, "王芳", SALT) == TOKEN
    assert field_key(KEY, PLACE).hex() == FIELD_KEY
