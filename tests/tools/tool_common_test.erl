%% Common Test runs a suite with groups, repeats, a skipped and a failing case, a hook, and writes its logs.
-module(tool_common_test).
-export([main/0]).
main() ->
    tool_bench:in_folder("ct", fun(Dir) ->
        tool_bench:write(Dir, "some_SUITE.erl", ["-module(some_SUITE).", "-compile([export_all, nowarn_export_all]).", "-include_lib(\"common_test/include/ct.hrl\").",
            "suite() -> [{timetrap, {seconds, 20}}, {require, thing}].", "all() -> [first, {group, g}, skipped, fails, never_ends].",
            "groups() -> [{g, [parallel, {repeat, 2}], [in_group, {group, inner}]}, {inner, [sequence], [breaks, after_break]}].",
            "init_per_suite(C) -> [{begun, true} | C].", "end_per_suite(_) -> ok.", "init_per_group(_, C) -> C.", "end_per_group(_, _) -> ok.",
            "init_per_testcase(skipped, _) -> {skip, \"not today\"};", "init_per_testcase(_, C) -> C.", "end_per_testcase(_, _) -> ok.",
            "first(C) -> true = ?config(begun, C), 5 = ct:get_config(thing), ct:pal(\"said ~p\", [1]), ct:comment(\"fine\").",
            "in_group(_) -> timer:sleep(10).", "breaks(_) -> exit(broken).", "after_break(_) -> ok.", "skipped(_) -> ok.", "fails(_) -> a = b().", "b() -> b.",
            "never_ends() -> [{timetrap, 300}].", "never_ends(_) -> receive never -> ok end."]),
        tool_bench:write(Dir, "some.config", ["{thing, 5}."]),
        Log = filename:join(Dir, "logs"),
        ok = file:make_dir(Log),
        R = tool_bench:quietly(fun() -> ct:run_test([{dir, Dir}, {suite, "some_SUITE"}, {config, "some.config"}, {logdir, Log}, {auto_compile, true}]) end),
        {ok, Summary} = file:read_file(hd(filelib:wildcard(Log ++ "/ct_run*/*/run*/suite.log"))),
        Wanted = [L || L <- string:split(binary_to_list(Summary), "\n", all), lists:any(fun(P) -> lists:prefix(P, L) end, ["=case ", "=result ", "=successful", "=user_skipped", "=auto_skipped", "=failed"])],
        [R, lists:sort([re:replace(L, "(<0[0-9.]+>)|([ \t]+)", " ", [global, {return, list}]) || L <- Wanted]), length(filelib:wildcard(Log ++ "/*.html")) > 2]
    end).
