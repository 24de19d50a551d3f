%% Searching for several patterns, many times for one, and iolists with long runs of bytes: against the obvious ways.
-module(binary_many).
-export([main/0]).

say(F, A) -> put(said, [iolist_to_binary(io_lib:format(F, A)) | case get(said) of undefined -> []; L -> L end]).

main() ->
    rand:seed(exsss, {1, 2, 3}),
    Bad = [C || _ <- lists:seq(1, 3000), C <- [one()], C =/= ok],
    say("~p~n", [lists:sublist(Bad, 3)]),
    T = iolist_to_binary([[<<"key">>, integer_to_list(I), $=, integer_to_list(I * I), $&] || I <- lists:seq(1, 300)]),
    Ps = [<<"key1">>, <<"key">>, <<"y2">>, <<"&k">>, <<"=">>],
    say("~p~n", [erlang:phash2(binary:matches(T, Ps))]),
    say("~p~n", [erlang:phash2(binary:matches(T, <<"key">>))]),
    say("~p~n", [erlang:phash2(binary:replace(T, <<"key">>, <<"k">>, [global]))]),
    say("~p~n", [erlang:phash2(binary:split(T, [<<"&">>, <<"=">>, <<"k">>], [global, trim_all]))]),
    Spaces = [<<C/utf8>> || C <- [9, 10, 11, 12, 13, 32, 133, 160, 8206, 8232, 8233, 12288]],
    say("~w~n", [binary:matches(<<"a b\tc ü "/utf8, 160/utf8, 8233/utf8, "x">>, Spaces)]),
    say("~w~n", [binary:split(<<"a b\tc ü "/utf8, 160/utf8, 8233/utf8, "x">>, Spaces, [global])]),
    lists:foreach(fun iolists/1, [0, 1, 62, 63, 64, 65, 127, 128, 129, 200, 1000]),
    [say("~p~n", [catch element(1, element(2, catch iolist_to_binary(L)))]) ||
        L <- [lists:duplicate(64, 0) ++ [256], lists:duplicate(70, 0) ++ [a], [1, -1], [[1 | 2]], [<<1:3>>], [1 | <<2:1>>], [1.0]]],
    lists:reverse(get(said)).

iolists(N) ->
    Run = [I band 255 || I <- lists:seq(1, N)],
    L = [Run, <<"x">>, [Run | <<"tail">>], [], [[[]], Run, binary:copy(<<"long">>, N), Run] | <<"end">>],
    B = iolist_to_binary(L),
    B = flat(L),
    true = byte_size(B) =:= iolist_size(L),
    say("~p ~p~n", [byte_size(B), erlang:phash2(B)]).

flat(B) when is_binary(B) -> B;
flat([]) -> <<>>;
flat([H | T]) when is_integer(H) -> <<H, (flat(T))/binary>>;
flat([H | T]) -> <<(flat(H))/binary, (flat(T))/binary>>.

one() ->
    T = bytes(rand:uniform(60)),
    Ps = [bytes(rand:uniform(4)) || _ <- lists:seq(1, rand:uniform(40))],
    Want = find(T, 0, Ps),
    case binary:matches(T, Ps) of Want -> ok; Other -> {T, Ps, Want, Other} end.

bytes(N) -> << <<(97 + rand:uniform(4))>> || _ <- lists:seq(1, N) >>.

find(T, At, _) when At >= byte_size(T) -> [];
find(T, At, Ps) ->
    Rest = binary_part(T, At, byte_size(T) - At),
    case lists:max([0 | [byte_size(P) || P <- Ps, begins(Rest, P)]]) of
        0 -> find(T, At + 1, Ps);
        N -> [{At, N} | find(T, At + N, Ps)]
    end.

begins(T, P) -> byte_size(T) >= byte_size(P) andalso binary_part(T, 0, byte_size(P)) =:= P.
