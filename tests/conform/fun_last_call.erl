%% A call of a fun in the last place keeps no frame.
-module(fun_last_call).
-export([main/0]).
main() ->
    {_, S0} = process_info(self(), stack_size),
    [loop(fun loop/3, 1000, undefined) - S0 < 30, loop(fun local/3, 1000, undefined) - S0 < 30, queue()].
loop(_, 0, S) -> S;
loop(F, N, _) ->
    {_, S} = process_info(self(), stack_size),
    F(F, N - 1, S).
local(F, N, S) -> G = fun(A, B, C) -> loop(A, B, C) end, G(F, N, S).

%% A long queue that holds a message which was looked at costs a collection nothing.
queue() ->
    self() ! first,
    receive nothing -> ok after 0 -> ok end,
    [self() ! {msg, N} || N <- lists:seq(1, 50000)],
    receive first -> ok end,
    length([1 || _ <- lists:seq(1, 50000), receive {msg, _} -> true end]).
