%% Tracing: calls, returns, sends, receives, processes, match specifications.
-module(std_trace).
-export([main/0, f/1, g/1]).
f(X) -> Y = g(X), Y + 1.
g(X) -> X * 2.
n(P, T) -> case T of {trace, P, K} -> {K}; {trace, P, K, {send, _, M}} -> {K, send, M}; {trace, P, K, A} -> {K, A}; {trace, P, K, A, B} when is_pid(B) -> {K, A, pid}; {trace, P, K, A, B} -> {K, A, B}; O -> O end.
flush(P) -> receive T when element(1, T) =:= trace -> [n(P, T) | flush(P)] after 50 -> [] end.
main() ->
    S = self(), W = fun W() -> receive {call, X} -> ?MODULE:f(X), W(); {send, T, M} -> T ! M, W(); stop -> ok end end, P = spawn(W), A = [erlang:trace(P, true, [call]), erlang:trace_pattern({?MODULE, f, 1}, true, [local]), erlang:trace_pattern({?MODULE, g, 1}, [{['$1'], [{'>', '$1', 2}], [{return_trace}, {message, {{got, '$1'}}}]}], [local]), erlang:trace_pattern({?MODULE, nope, 1}, true, [local])], P ! {call, 1}, P ! {call, 3}, B = flush(P), C = [erlang:trace_info({?MODULE, f, 1}, traced), erlang:trace_info(P, flags), erlang:trace_pattern({?MODULE, '_', '_'}, false, [local])], erlang:trace(P, false, [call]), erlang:trace(P, true, [send, 'receive', procs]), P ! {send, S, hello}, receive hello -> ok end, P ! stop, D = flush(P), E = [try erlang:trace(P, true, [bad]) catch C1:R1 -> {C1, R1} end], [A, B, C, D, (catch element(1, element(2, catch erlang:trace(P, true, [call]))))].
