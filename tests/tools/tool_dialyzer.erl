%% Dialyzer makes a table of what erts, kernel and stdlib promise and finds the errors of a module.
-module(tool_dialyzer).
-export([main/0]).
main() ->
    tool_bench:in_folder("dialyzer", fun(Dir) ->
        Plt = filename:join(Dir, "plt"),
        Made = dialyzer:run([{analysis_type, plt_build}, {output_plt, Plt}, {files_rec, [code:lib_dir(A, ebin) || A <- [kernel, stdlib, erts], is_list(code:lib_dir(A))]}]),
        {ok, Info} = dialyzer:plt_info(Plt),
        Beam = tool_bench:compile(Dir, wrong, ["-module(wrong).", "-export([a/0, b/1, c/1]).", "a() -> 1 + atom().", "atom() -> one.",
            "-spec b(integer()) -> atom().", "b(X) -> X + 1.", "c(L) -> case lists:reverse(L) of {ok, X} -> X; [] -> none end.", "unused(X) -> X."], [nowarn_unused_function]),
        Found = dialyzer:run([{analysis_type, succ_typings}, {init_plt, Plt}, {files, [Beam]}]),
        [length(Made) < 100, length(proplists:get_value(files, Info)) > 150, lists:sort([unicode:characters_to_list(dialyzer:format_warning(W, [{filename_opt, basename}])) || W <- Found])]
    end).
