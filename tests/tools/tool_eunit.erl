%% EUnit over a module: fixtures, generators, a failing test, its report.
-module(tool_eunit).
-export([main/0]).
main() ->
    tool_bench:in_folder("eunit", fun(Dir) ->
        tool_bench:compile(Dir, units, ["-module(units).", "-include_lib(\"eunit/include/eunit.hrl\").",
            "one_test() -> ?assertEqual(2, 1 + 1).", "two_test_() -> [{\"named\", ?_assertError(badarith, list_to_integer(\"1\") / 0)}, {timeout, 5, ?_assert(true)}].",
            "with_test_() -> {foreach, fun() -> ets:new(t, [public]) end, fun ets:delete/1, [fun(T) -> ?_assertEqual([], ets:tab2list(T)) end, fun(T) -> {inorder, [?_assert(ets:insert(T, {1})), ?_assertEqual([{1}], ets:tab2list(T))]} end]}.",
            "spawned_test_() -> {spawn, {inparallel, [?_assert(is_pid(self())) || _ <- lists:seq(1, 5)]}}.",
            "bad_test() -> ?assertMatch({ok, _}, {error, 1})."], []),
        Lines = fun(T) -> [L || L <- string:split(re:replace(T, "\\[[0-9.]+ s\\] |<[0-9.]+>|done in [0-9.]+ s|/[^ ]*/", "", [global, {return, list}]), "\n", all), not lists:prefix("[{", L)] end,
        Good = tool_bench:output(fun() -> ok = eunit:test([{test, units, one_test} | [{generator, units, G} || G <- [two_test_, with_test_, spawned_test_]]], [verbose]) end),
        Bad = tool_bench:output(fun() -> error = eunit:test(units) end),
        [Lines(Good), Lines(Bad)]
    end).
