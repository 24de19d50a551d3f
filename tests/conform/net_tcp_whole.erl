%% What has come is passed on, however many reads that took: data and packets that wait in the socket when it becomes active.
-module(net_tcp_whole).
-export([main/0]).
main() ->
    [{Mode, lists:usort([whole(Mode, K * 1000) || K <- lists:seq(1, 40)])} || Mode <- [raw, 4]].

whole(Mode, Size) ->
    {ok, L} = gen_tcp:listen(0, [binary, {packet, Mode}, {active, false}, {buffer, 1000}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(L),
    {ok, C} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {packet, Mode}, {active, false}]),
    {ok, S} = gen_tcp:accept(L),
    Pieces = [996 || Mode =:= 4, _ <- lists:seq(1000, Size, 1000)] ++ [Size || Mode =:= raw],
    [ok = gen_tcp:send(C, binary:copy(<<"x">>, N)) || N <- Pieces],
    timer:sleep(10),
    ok = inet:setopts(S, [{active, true}]),
    Got = count(S, lists:sum(Pieces)),
    [gen_tcp:close(X) || X <- [C, S, L]],
    Got.

count(_, 0) -> all;
count(S, Left) ->
    receive {tcp, S, Bytes} -> count(S, Left - byte_size(Bytes)) after 2000 -> {missing, Left} end.
