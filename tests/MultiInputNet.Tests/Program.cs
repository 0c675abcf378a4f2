using MultiInputNet.Tests.Training;

// The test runner loads this assembly and does not run it; a test that kills a training runs it as a program.
return args is ["train", var folder] ? TrainingProcess.Run(folder) : 1;
