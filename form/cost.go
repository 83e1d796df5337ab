package form

import "reflect"

// maxCost bounds what checking one value may cost, in bytes looked at, roughly:
// a schema of a few lines can ask for more work than there is time.
const (
	maxCost  = 256 << 20
	maxPairs = 200_000
)

// affordable reports whether checking value against s ends, and soon enough. It
// adds up what a checker does that looks at every part of the value once for
// each schema that may apply to it, without doing it.
func affordable(s *schema, value any) bool {
	m := &meter{costs: map[pair]int{}, sizes: map[uintptr]int{}}
	return m.cost(s, value) <= maxCost
}

// pair is one schema and one part of the value.
type pair struct {
	*schema
	place uintptr // of an object or array; 0 for what has nothing in it
	size  int
}

type meter struct {
	costs map[pair]int // maxCost+1 while it is added up: a schema that leads back to itself has no end
	sizes map[uintptr]int
}

// cost is at most maxCost+1.
func (m *meter) cost(s *schema, value any) int {
	size := m.size(value)
	p := pair{s, place(value), size}
	if known, ok := m.costs[p]; ok {
		return known
	}
	if len(m.costs) >= maxPairs {
		return maxCost + 1
	}
	m.costs[p] = maxCost + 1
	sum := size + len(s.raw)
	add := func(sub *schema, value any) {
		if sum <= maxCost {
			sum = min(sum+m.cost(sub, value), maxCost+1)
		}
	}
	for _, sub := range s.inPlace {
		add(sub, value)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, p := range s.properties {
			if member, ok := v[p.name]; ok {
				add(p.schema, member)
			}
		}
		for _, sub := range s.each {
			for _, member := range v {
				add(sub, member)
			}
		}
	case []any:
		for _, sub := range s.each {
			for _, item := range v {
				add(sub, item)
			}
		}
	}
	m.costs[p] = sum
	return sum
}

// size is about the bytes of a value as JSON.
func (m *meter) size(value any) int {
	sum := 8
	switch v := value.(type) {
	case string:
		return sum + len(v)
	case map[string]any:
		if known, ok := m.sizes[place(v)]; ok {
			return known
		}
		for name, member := range v {
			sum += len(name) + m.size(member)
		}
		m.sizes[place(v)] = sum
	case []any:
		if known, ok := m.sizes[place(v)]; ok && len(v) > 0 {
			return known
		}
		for _, item := range v {
			sum += m.size(item)
		}
		m.sizes[place(v)] = sum
	}
	return sum
}

func place(value any) uintptr {
	switch v := value.(type) {
	case map[string]any:
		return reflect.ValueOf(v).Pointer()
	case []any:
		return reflect.ValueOf(v).Pointer()
	}
	return 0
}
