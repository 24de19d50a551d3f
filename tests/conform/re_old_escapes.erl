%% The older dialect's escapes without their digits, control characters of anything; a long subject is checked in slices (25 only).
-module(re_old_escapes).
-export([main/0]).
try_run(S, P, O) -> try re:run(S, P, O) catch C:R -> {C, R} end.
main() ->
    Escapes = [try_run(S, P, []) || {S, P} <- [{"AZ", "^A\\xZ"}, {[$A, 0, $Z], "^A\\xZ"}, {[$A, 10, $Z], "^A\\xaZ"}, {[0], "[\\x]"}, {[0, 0], "\\x\\x"}, {"x", "\\x{}"}, {"x", "\\x{g}"}, {[16#3f], <<"^\\c", 127>>}, {"A", <<"\\c", 1>>}, {"A", <<"[\\c", 1, "]+">>}, {"e", <<"\\c%">>}, {[$a bxor 16#60], "\\ca"}, {"x", <<"\\c", 200>>}]],
    Errors = [re:compile(P) || P <- ["\\x(", "\\x\\x[z", <<"a\\c", 127, "(">>, "\\c", "a\\x{zz}"]],
    Long = binary:copy(<<"abc\n">>, 100000),
    Late = <<Long/binary, "å"/utf8>>,
    [Escapes, Errors, [try_run(S, P, O) || {S, P, O} <- [{Long, "b", [unicode]}, {Late, "å", [unicode]}, {<<Long/binary, 255, Long/binary>>, "b", [unicode]}, {<<Long/binary, 195>>, "b", [unicode]}, {binary:copy(<<"aå"/utf8>>, 100000), "åå", [unicode]}, {Long, "b", []}]], turns(Late)].
%% It gives way on the way.
turns(Text) ->
    Me = self(),
    P = spawn(fun() -> receive go -> ok end, {match, _} = re:run(Text, <<"b">>, [unicode]), Me ! done end),
    erlang:trace(P, true, [running]),
    P ! go,
    receive done -> ok end,
    Ref = erlang:trace_delivered(P),
    receive {trace_delivered, P, Ref} -> ok end,
    length(outs()) >= 5.
outs() -> receive {trace, _, out, _} -> [x | outs()]; {trace, _, _, _} -> outs() after 0 -> [] end.
