package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"waybill/fault"
)

// Limits of one event stream.
const (
	maxStream  = 2 * maxItem // bytes in all; the transport bounds each message
	maxTrailer = 64 << 10    // bytes behind the answer that are read to keep the connection
	maxAside   = 1000        // messages before the answer that are no answer
	maxAsked   = 16          // of them, requests of the server to us
)

// stream is the body of an event stream (text/event-stream) on its way to the
// SDK. It lets through whole messages that readMessage accepts, ends at the
// answer to the request, and takes out the id and retry fields, so that the SDK
// never waits for as long as a server likes: a stream that ends before the answer
// is resumed here, within the bounds of resumer and as if it were one. What is
// wrong is kept for the call, since the SDK would lose it.
type stream struct {
	body     io.ReadCloser
	lines    *bufio.Reader
	asked    message // the request that this is the answer to
	progress func()
	report   func(error)                  // told once of what is wrong
	heard    func(m message, data []byte) // told of every message, before the SDK is
	resume   *resumer                     // nil: what ends is not resumed

	out      bytes.Reader
	event    []byte
	size     int // of the stream so far
	aside    int
	requests int
	answered bool
	endless  bool      // it may go on for as long as it likes; the bounds hold for each minute
	minute   time.Time // when the present one began

	mu     sync.Mutex // guards body
	once   sync.Once
	closed chan struct{}
}

func newStream(body io.ReadCloser, asked message, progress func(), report func(error), heard func(message, []byte)) *stream {
	return &stream{body: body, lines: bufio.NewReader(body), asked: asked, progress: progress, report: report, heard: heard, closed: make(chan struct{})}
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	for s.out.Len() == 0 {
		if s.answered {
			return 0, s.trailer()
		}
		if err := s.next(); err != nil {
			if s.goesOn(err) {
				continue
			}
			if errors.Is(err, io.EOF) {
				err = errCutOff
			}
			s.report(err)
			return 0, io.EOF // the SDK ends the call, in words of its own
		}
	}
	return s.out.Read(p)
}

// goesOn resumes a stream that ended for this reason, and reports whether it could.
func (s *stream) goesOn(why error) bool {
	if !s.resume.resumable(why) {
		return false
	}
	resp, err := s.resume.again(s.closed)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.body.Close()
	s.body = resp.Body
	s.lines.Reset(resp.Body)
	select {
	case <-s.closed: // meanwhile
		_ = s.body.Close()
		return false
	default:
		return true
	}
}

// next reads lines up to the end of an event and puts its message into out.
// Empty events, and those of another type than message, are passed over.
func (s *stream) next() error {
	const start = "data: "
	event, kind := append(s.event[:0], start...), ""
	var id []byte
	named := false
	for {
		line, err := s.line()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0:
			s.event = event
			if named {
				s.resume.passed(id)
			}
			if (kind == "" || kind == "message") && len(bytes.TrimSpace(event[len(start):])) > 0 {
				return s.message(event, len(start))
			}
			event, kind, named = event[:len(start)], "", false
		case string(field) == "data": // a line end within JSON is white space
			event = append(append(event, value...), ' ')
		case string(field) == "event":
			kind = string(value)
		case string(field) == "id":
			id, named = append(id[:0], value...), true
		case string(field) == "retry":
			s.resume.said(value)
		}
		if end {
			return io.EOF
		}
	}
}

// line reads one line without its end.
func (s *stream) line() ([]byte, error) {
	var long []byte
	for {
		part, err := s.lines.ReadSlice('\n')
		s.progress()
		s.size += len(part)
		if s.size > maxStream {
			return nil, errTooLarge
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, part...)
			continue
		}
		if long != nil {
			part = append(long, part...)
		}
		return bytes.TrimRight(part, "\r\n"), err
	}
}

// message checks the message of an event, which starts at data, and hands the
// event on.
func (s *stream) message(event []byte, data int) error {
	m, err := readMessage(event[data:])
	if err != nil {
		return brokenProtocol(err)
	}
	switch {
	case m.method == "" && m.id == s.asked.id:
		s.answered = true
	case m.method == "":
		return brokenProtocol(errors.New("a response to nothing that was asked"))
	default:
		s.newMinute()
		s.aside++
		if m.call() {
			s.requests++
		}
		if s.aside > maxAside || s.requests > maxAsked {
			return hostile("flood", "The MCP server sent message after message in place of an answer.")
		}
	}
	s.heard(m, event[data:])
	s.event = append(event, "\n\n"...)
	s.out.Reset(s.event)
	return nil
}

// newMinute counts from nothing again in a stream that goes on.
func (s *stream) newMinute() {
	if s.endless && time.Since(s.minute) > time.Minute {
		s.minute, s.size, s.aside, s.requests = time.Now(), 0, 0, 0
	}
}

// errCutOff says that a stream ended before the answer came.
var errCutOff = fault.New(fault.StepCall, fault.Offline, "truncated", "The to-do service ended its answer before it was complete.").
	WithRemedy("Try again later.")

func brokenProtocol(cause error) *fault.Fault {
	return hostile("bad_message", "The MCP server broke the rules of its protocol.").Because(cause)
}

// trailer reads what follows the answer, within bounds, so that the connection
// can be used again.
func (s *stream) trailer() error {
	_, _ = io.CopyN(io.Discard, s.lines, maxTrailer)
	return io.EOF
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once.Do(func() { close(s.closed) })
	return s.body.Close()
}
