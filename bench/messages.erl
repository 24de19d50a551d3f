%% Two processes that answer each other, and one that many send to.
%% scale: 100000
-module(messages).
-export([run/1]).
run(N) ->
    S = self(),
    P = spawn_link(fun() -> echo() end),
    R = ping(P, N, 0),
    [spawn(fun() -> [S ! {add, I} || I <- lists:seq(1, N div 100)] end) || _ <- lists:seq(1, 20)],
    {R, lists:sum([receive {add, I} -> I end || _ <- lists:seq(1, 20 * (N div 100))])}.
echo() -> receive {F, X} -> F ! {self(), X + 1}, echo() end.
ping(P, 0, X) -> unlink(P), exit(P, kill), X;
ping(P, N, X) -> P ! {self(), X}, receive {P, Y} -> ping(P, N - 1, Y) end.
