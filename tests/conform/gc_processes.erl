%% Thousands of processes, each with a heap of its own that grows and shrinks, sending to each other.
-module(gc_processes).
-export([main/0]).
w(P, I) -> receive {work, L} -> R = lists:sum([X * I || X <- L]), P ! {I, R, lists:reverse(L)}, w(P, I); stop -> P ! {stopped, I} end.
main() ->
    S = self(), N = 2000, Ps = [{I, spawn(fun() -> w(S, I) end)} || I <- lists:seq(1, N)], Sums = [begin L = lists:seq(1, 20 + R), [P ! {work, L} || {_, P} <- Ps], lists:sum([receive {_, V, [H | _]} when H =:= 20 + R -> V end || _ <- Ps]) end || R <- [1, 2, 3]],
    [P ! stop || {_, P} <- Ps], Stopped = lists:sum([receive {stopped, I} -> I end || _ <- Ps]), Big = lists:seq(1, 100000), Q = spawn(fun() -> receive {F, L} -> F ! {self(), lists:sum(L), length(L)} end end), Q ! {S, Big}, X = receive {Q, A, B} -> {A, B} end, [Sums, Stopped, X, receive M -> M after 0 -> none end].
