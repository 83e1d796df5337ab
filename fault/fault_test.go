package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"waybill/fault"
)

func TestErrorNeverShowsTheCauseOrTheServersWords(t *testing.T) {
	cause := errors.New("canary-cause")
	f := fault.New(fault.StepExchange, fault.Config, "invalid_client", "The identity provider refused the client.").
		WithRemedy("Check the client secret.").WithServer(401, "canary-words").Because(cause)
	wrapped := fmt.Errorf("outer: %w", f)
	if got := f.Error(); got != "The identity provider refused the client. Check the client secret." {
		t.Fatalf("Error() = %q", got)
	}
	if !errors.Is(wrapped, cause) || !fault.Is(wrapped, fault.Config) || fault.Is(wrapped, fault.Offline) {
		t.Fatal("the cause or the kind is lost in the chain")
	}
	if got := fault.As(wrapped); got.Server != "canary-words" || got.Status != 401 || got.RetryAfter != -1 {
		t.Fatalf("As() = %+v", got)
	}
}

func TestAsTurnsForeignErrorsIntoNeutralSentences(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind fault.Kind
	}{
		{context.Canceled, fault.Canceled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), fault.Offline},
		{errors.New("dial tcp: canary"), fault.Failed},
		{io.ErrUnexpectedEOF, fault.Failed},
	} {
		f := fault.As(c.err)
		if f.Kind != c.kind || strings.Contains(f.Error(), "canary") || !errors.Is(f, c.err) {
			t.Errorf("As(%v) = %v %q", c.err, f.Kind, f.Error())
		}
	}
	if fault.As(nil) != nil {
		t.Error("As(nil) is not nil")
	}
}

func TestWithMethodsLeaveTheOriginalAlone(t *testing.T) {
	base := fault.New(fault.StepCall, fault.Failed, "x", "It failed.")
	_ = base.WithRemedy("Try.").WithServer(500, "words").Because(io.EOF)
	if base.Remedy != "" || base.Server != "" || base.Status != 0 || base.Unwrap() != nil {
		t.Fatalf("a With method changed its receiver: %+v", base)
	}
}

// S21, S84: what a server says is cut, on one line, and hides nothing.
func TestS21_CleanShowsWhatIsHidden(t *testing.T) {
	for in, want := range map[string]string{
		"  two\n\tlines ":      "two lines",
		"a\u202eb\u200bc\x00d": "a□b□c□d",
		"bad\xffutf8":          "bad□utf8",
		"\u2028x":              "□x",
		"<script>x</script>":   "<script>x</script>",
		"Ménage à trois, 日本語, עברית": "Ménage à trois, 日本語, עברית",
	} {
		if got := fault.Clean(in, 100); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := fault.Clean(strings.Repeat("é", 300), 256); utf8.RuneCountInString(got) != 256 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text is not cut to 256 runes: %d", utf8.RuneCountInString(got))
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a b", "\x1b[31m", "\u202e", strings.Repeat("x ", 200), "\xff\xfe", "…"} {
		f.Add(s, 16)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 1 + (limit&0x7fffffff)%300
		got := fault.Clean(s, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit {
			t.Fatalf("Clean(%q, %d) = %q", s, limit, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) {
				t.Fatalf("Clean(%q) lets %U through", s, r)
			}
		}
		if again := fault.Clean(got, limit); again != got {
			t.Fatalf("not idempotent: %q, then %q", got, again)
		}
	})
}
