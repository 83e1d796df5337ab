package session

// LogWarm is what the log says when the app is warm.
const LogWarm = logWarm
