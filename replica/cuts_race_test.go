//go:build race

package replica

// raced says that the race detector is on. It makes everything several times
// slower and finds nothing in what goes through one case after another, so the
// longest of these tests take every byte only without it.
const raced = true
