package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"waybill/internal/seal"
)

func Example() {
	key := seal.NewKey()
	box := seal.New(key.Subkey(nil, "todos"))
	sealed := box.Seal("todos", "id-1", 7, []byte("Buy milk"))
	plain, err := box.Open("todos", "id-1", 7, sealed)
	fmt.Println(string(plain), err)
	_, err = box.Open("todos", "id-1", 6, sealed)
	fmt.Println(errors.Is(err, seal.ErrDamaged))
	// Output:
	// Buy milk <nil>
	// true
}

func TestS98_EveryFlippedBitIsNoticed(t *testing.T) {
	box := seal.New(seal.NewKey())
	plain := []byte("a record of forty-odd bytes, no more than that")
	sealed := box.Seal("todos", "1", 1, plain)
	for i := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := box.Open("todos", "1", 1, bad); !errors.Is(err, seal.ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
}

func TestS98_EveryCutIsNoticed(t *testing.T) {
	box := seal.New(seal.NewKey())
	sealed := box.Seal("todos", "1", 1, []byte("content"))
	for n := range sealed {
		for _, bad := range [][]byte{sealed[:n], sealed[n+1:]} {
			if _, err := box.Open("todos", "1", 1, bad); !errors.Is(err, seal.ErrDamaged) {
				t.Fatalf("cut at %d: %v", n, err)
			}
		}
	}
}

func TestS98_MovedReplayedAndForeignRecordsAreNoticed(t *testing.T) {
	key := seal.NewKey()
	box := seal.New(key)
	sealed := box.Seal("todos", "1", 2, []byte("content"))
	if _, err := box.Open("todos", "1", 2, sealed); err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		name      string
		box       *seal.Box
		table, id string
		version   uint64
	}{
		{"swapped with another record", box, "todos", "2", 2},
		{"moved to another table", box, "outbox", "1", 2},
		{"border between table and id moved", box, "todos1", "", 2},
		{"older version", box, "todos", "1", 1},
		{"newer version", box, "todos", "1", 3},
		{"wrong key", seal.New(seal.NewKey()), "todos", "1", 2},
		{"subkey", seal.New(key.Subkey(nil, "todos")), "todos", "1", 2},
	}
	for _, c := range bad {
		if _, err := c.box.Open(c.table, c.id, c.version, sealed); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestS99_NoncesDoNotRepeat(t *testing.T) {
	box := seal.New(seal.NewKey())
	const rounds = 100_000
	seen := make(map[string]bool, rounds)
	for range rounds {
		nonce := string(box.Seal("t", "i", 1, nil)[:24])
		if seen[nonce] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce] = true
	}
}

func TestS97_SealedBytesHoldNothingOfTheContent(t *testing.T) {
	box := seal.New(seal.NewKey())
	sealed := box.Seal("todos-table", "row-identifier", 1, []byte(strings.Repeat("dentist", 100)))
	for _, word := range []string{"dentist", "todos-table", "row-identifier"} {
		if bytes.Contains(sealed, []byte(word)) {
			t.Errorf("%q is readable", word)
		}
	}
	if len(sealed) != 700+seal.Overhead {
		t.Errorf("sealed to %d bytes", len(sealed))
	}
}

func TestSubkeysAreIndependent(t *testing.T) {
	key, other := seal.NewKey(), seal.NewKey()
	keys := map[seal.Key]bool{
		key: true, key.Subkey(nil, "a"): true, key.Subkey(nil, "b"): true,
		key.Subkey([]byte("salt"), "a"): true, other.Subkey(nil, "a"): true,
	}
	if len(keys) != 5 {
		t.Errorf("only %d different keys", len(keys))
	}
	if again := key.Subkey([]byte("salt"), "a"); !keys[again] {
		t.Error("a subkey is not the same twice")
	}
}

func TestS92_KeysDoNotPrint(t *testing.T) {
	key := seal.NewKey()
	box := seal.New(key)
	for _, out := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %x %s", key, key, key, key, &key), fmt.Sprintf("%v %#v %x", box, box, *box)} {
		if strings.Trim(strings.ReplaceAll(out, "[redacted]", ""), " ") != "" {
			t.Errorf("prints %q", out)
		}
	}
}

// FuzzOpen: what opens is what was sealed, under the name it was sealed for.
// The key is fixed, since the fuzzer's processes hand records to one another.
func FuzzOpen(f *testing.F) {
	box := seal.New(seal.Key{1, 2, 3})
	good := box.Seal("todos", "1", 1, []byte("content"))
	f.Add(good, "todos", "1", uint64(1))
	f.Add(good[:30], "todos", "1", uint64(1))
	f.Add([]byte{}, "", "", uint64(0))
	f.Fuzz(func(t *testing.T, sealed []byte, table, id string, version uint64) {
		plain, err := box.Open(table, id, version, sealed)
		if err == nil && (table != "todos" || id != "1" || version != 1 || string(plain) != "content") {
			t.Fatalf("opened a forged record: %q", plain)
		}
	})
}

func BenchmarkSeal256(b *testing.B) {
	box := seal.New(seal.NewKey())
	plain := make([]byte, 256)
	for i := range plain {
		plain[i] = byte(rand.IntN(256))
	}
	for b.Loop() {
		box.Seal("todos", "0123456789", 1, plain)
	}
}

func TestSealingInPlaceIsSealing(t *testing.T) {
	box := seal.New(seal.NewKey())
	for _, room := range []int{0, seal.Overhead} { // for the rest of the overhead, or not
		buffer := make([]byte, seal.Prefix, seal.Prefix+len("content")+room)
		sealed := box.SealInPlace("todos", "1", 2, append(buffer, "content"...))
		if plain, err := box.Open("todos", "1", 2, sealed); err != nil || string(plain) != "content" {
			t.Errorf("with room for %d more bytes: %q, %v", room, plain, err)
		}
		if room > 0 && bytes.Contains(buffer[:cap(buffer)], []byte("content")) {
			t.Error("the content is still in the buffer")
		}
	}
}
